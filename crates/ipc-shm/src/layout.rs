//! What two programs compare before they look at the same memory: the shape of a type as a number.
//!
//! The hash is FNV-1a of 64 bits over names, sizes, alignments, offsets and the shapes of all
//! parts, computed by the compiler. It is no defence against forgery: it finds honest mistakes.

/// The shape of a type in shared memory: its size, its alignment, whether it has padding, and a
/// hash over these and the shapes of its parts.
///
/// Two programs that map the same memory with types of different shapes are told so when the
/// second one opens it ([`ShmError::Layout`](crate::ShmError::Layout)).
///
/// # Examples
///
/// ```
/// use ipc_shm::{Layout, Shareable};
///
/// const PAIR: Layout = Layout::new("Pair", 16, 8)
///     .with_field("count", 0, u64::LAYOUT)
///     .with_field("sum", 8, f64::LAYOUT);
/// assert_eq!((PAIR.size(), PAIR.align(), PAIR.has_padding()), (16, 8, false));
/// assert_ne!(PAIR.hash(), Layout::new("Pair", 16, 8).with(u64::LAYOUT).with(u64::LAYOUT).hash());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    hash: u64,
    size: usize,
    align: usize,
    /// Bytes that belong to a part.
    covered: usize,
    /// A part has padding.
    padded_part: bool,
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

impl Layout {
    /// The shape of plain bytes, which fit any number of them.
    pub const BYTES: Layout = Layout::new("bytes", 1, 1).without_padding();

    /// The shape of a type by its name, its size and its alignment in bytes.
    ///
    /// It counts as having padding until its parts, see [`with`](Layout::with), fill it.
    #[must_use]
    pub const fn new(name: &str, size: usize, align: usize) -> Layout {
        let hash = mix(FNV_OFFSET, name.as_bytes());
        let hash = mix_number(mix_number(hash, size), align);
        Layout { hash, size, align, covered: 0, padded_part: false }
    }

    /// The same with one more part, in the order of the declaration.
    #[must_use]
    pub const fn with(self, part: Layout) -> Layout {
        Layout {
            hash: mix(self.hash, &part.hash.to_le_bytes()),
            covered: self.covered.saturating_add(part.size),
            padded_part: self.padded_part || part.has_padding(),
            ..self
        }
    }

    /// The same with one more part, which has a name and lies `offset` bytes from the start.
    #[must_use]
    pub const fn with_field(self, name: &str, offset: usize, part: Layout) -> Layout {
        let hash = mix_number(mix(self.hash, name.as_bytes()), offset);
        Layout { hash, ..self }.with(part)
    }

    /// The shape of `count` elements in a row.
    #[must_use]
    pub const fn array(element: Layout, count: usize) -> Layout {
        let size = element.size.saturating_mul(count);
        let array = Layout::new("array", size, element.align).with(element);
        let array = Layout { hash: mix_number(array.hash, count), ..array };
        Layout { covered: size, ..array }
    }

    /// The same for a type of which every byte belongs to its value.
    #[must_use]
    pub(crate) const fn without_padding(self) -> Layout {
        Layout { covered: self.size, ..self }
    }

    /// The hash over everything that two programs must agree on.
    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// The size in bytes.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.size
    }

    /// The alignment in bytes, a power of two.
    #[must_use]
    pub const fn align(&self) -> usize {
        self.align
    }

    /// Whether some bytes may belong to no part, so that they have no value of their own.
    #[must_use]
    pub const fn has_padding(&self) -> bool {
        self.padded_part || self.covered != self.size
    }
}

const fn mix(mut hash: u64, bytes: &[u8]) -> u64 {
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(FNV_PRIME);
        at += 1;
    }
    // The length closes the text, so that "ab" + "c" and "a" + "bc" differ.
    (hash ^ bytes.len() as u64).wrapping_mul(FNV_PRIME)
}

const fn mix_number(hash: u64, number: usize) -> u64 {
    mix(hash, &(number as u64).to_le_bytes())
}
