//! The list with nodes of ours and of a C library, on a head that no kernel reads.

use std::ptr::NonNull;

use super::*;

/// A robust mutex of the C library, as far as the list is concerned.
#[derive(Default)]
struct Foreign(Node);

impl Foreign {
    fn link(&self) -> usize {
        self.0.address()
    }

    /// What glibc does when it takes a mutex.
    fn push(&self, head: &Head) {
        let below = head.list.load(Relaxed);
        if below != std::ptr::from_ref(&head.list) as usize {
            set_back(below, self.link());
        }
        self.0.link.store(below, Relaxed);
        self.0.back.store(std::ptr::from_ref(&head.list) as usize, Relaxed);
        head.list.store(self.link(), Relaxed);
    }

    /// What glibc does when it lets go of one.
    fn remove(&self, head: &Head) {
        let (below, above) = (self.0.link.load(Relaxed), self.0.back.load(Relaxed));
        if below != std::ptr::from_ref(&head.list) as usize {
            set_back(below, above);
        }
        // SAFETY: the head, or a node on the list; both outlive the test.
        unsafe { link_at(above) }.store(below, Relaxed);
    }
}

fn with_list(test: impl FnOnce(&Head, &RobustList)) {
    let head = Head {
        list: AtomicUsize::new(0),
        word_from_node: AtomicIsize::new(WORD_FROM_NODE),
        pending: AtomicUsize::new(0),
    };
    head.list.store(std::ptr::from_ref(&head.list) as usize, Relaxed);
    let list = RobustList::new();
    list.reset(NonNull::from(&head));
    test(&head, &list);
}

/// The addresses on the list, as the kernel finds them.
fn walk(head: &Head) -> Vec<usize> {
    let end = std::ptr::from_ref(&head.list) as usize;
    let mut found = Vec::new();
    let mut link = head.list.load(Relaxed);
    while link != end {
        found.push(link);
        // SAFETY: a node of the test.
        link = unsafe { link_at(link) }.load(Relaxed);
    }
    found
}

#[test]
fn nodes_leave_in_any_order() {
    with_list(|head, list| {
        let nodes: [Node; 4] = Default::default();
        nodes.iter().for_each(|node| list.push(node));
        assert!(list.remove(&nodes[1]));
        assert!(!list.remove(&nodes[1]));
        assert!(list.remove(&nodes[3]));
        assert_eq!(walk(head), [nodes[2].address(), nodes[0].address()]);
        assert!(list.remove(&nodes[0]));
        assert!(list.is_alone(&nodes[2]) || list.remove(&nodes[2]));
    });
}

#[test]
fn a_node_alone_comes_and_goes_by_the_short_way() {
    with_list(|head, list| {
        let node = Node::new();
        assert!(list.is_empty());
        list.push_first(&node);
        assert!(list.is_alone(&node) && list.holds(&node) && !list.is_empty());
        assert_eq!(walk(head), [node.address()]);
        list.remove_last();
        assert!(list.is_empty() && !list.holds(&node));
    });
}

#[test]
fn foreign_nodes_may_stand_anywhere() {
    with_list(|head, list| {
        let (ours, foreign): ([Node; 2], [Foreign; 3]) = Default::default();
        foreign[0].push(head);
        list.push(&ours[0]);
        foreign[1].push(head);
        list.push(&ours[1]);
        foreign[2].push(head);
        foreign[1].remove(head);
        assert!(list.remove(&ours[0]));
        assert_eq!(walk(head), [foreign[2].link(), ours[1].address(), foreign[0].link()]);
        foreign[0].remove(head);
        assert!(list.remove(&ours[1]));
        foreign[2].remove(head);
        assert!(list.is_empty());
    });
}

#[test]
fn a_scribbled_link_is_not_followed() {
    with_list(|head, list| {
        let nodes: [Node; 3] = Default::default();
        nodes.iter().for_each(|node| list.push(node));
        for node in &nodes {
            node.link.store(0xdead_beef_0000, Relaxed);
            node.back.store(0xdead_beef_0000, Relaxed);
        }
        assert!(list.remove(&nodes[1]));
        assert!(list.remove(&nodes[2]));
        assert!(list.remove(&nodes[0]));
        assert!(list.is_empty() && walk(head).is_empty());
    });
}

#[test]
fn a_full_list_says_so() {
    with_list(|_, list| {
        let nodes: Vec<Node> = (0..MOST_HELD).map(|_| Node::new()).collect();
        nodes.iter().for_each(|node| list.push(node));
        assert!(list.is_full());
        assert!(nodes.iter().all(|node| list.remove(node)));
    });
}
