//! How a function is named in another process that runs the same build.
//!
//! Every monomorphised function gets a constant [`Entry`], made by the compiler without any
//! registration. What travels is an [`EntryRef`]: the module's build-id, the constant's offset in
//! it, and a hash of the function's type. The receiver looks at that place of its own memory only
//! after checking that the module is there and that the place is a constant of it; it calls what
//! stands there only after a magic number, the signature's `TypeId` and the hash have matched.
#![allow(
    unsafe_code,
    reason = "reads a constant at a computed address and makes a zero-sized value"
)]

use std::any::TypeId;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::hint::black_box;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use crate::function::Function;
use crate::module::{Module, ModuleId};

/// Tells an entry from anything else that may lie at an address. Only entries contain it: what is
/// compared with is [`HIDDEN`], as the compiler may put what code compares with among the constants
/// too.
const MAGIC: [u64; 2] = [HIDDEN[0] ^ MASK, HIDDEN[1] ^ MASK];
const HIDDEN: [u64; 2] = [0x7f6d_756c_7469_7072, 0xe3c1_9a55_d20b_4f86];
const MASK: u64 = 0x51ab_9c3e_07d4_68f2;

/// A function that other processes can name.
#[repr(C)]
pub(crate) struct Entry<A, R> {
    magic: [u64; 2],
    signature: fn() -> TypeId,
    function: fn() -> TypeId,
    name: fn() -> &'static str,
    call: fn(A) -> R,
}

impl<A, R> Entry<A, R>
where
    A: 'static,
    R: 'static,
{
    /// The entry of the function whose type `function` tells.
    pub(crate) const fn new(
        function: fn() -> TypeId,
        name: fn() -> &'static str,
        call: fn(A) -> R,
    ) -> Self {
        Entry { magic: MAGIC, signature: TypeId::of::<fn(A) -> R>, function, name, call }
    }

    /// Calls the function.
    pub(crate) fn call(&self, args: A) -> R {
        (self.call)(args)
    }

    /// Tells the function from all others of this build.
    pub(crate) fn function(&self) -> TypeId {
        (self.function)()
    }

    /// The name of the function's type, for people.
    pub(crate) fn name(&self) -> &'static str {
        (self.name)()
    }
}

impl<A: 'static, R: 'static> fmt::Debug for Entry<A, R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Entry").field(&self.name()).finish()
    }
}

/// Gives each function type its constant entry.
pub(crate) struct EntryOf<F, A>(PhantomData<(F, A)>);

impl<F: Function<A>, A: 'static> EntryOf<F, A>
where
    F::Output: 'static,
{
    /// The entry that calls an `F` with arguments `A`.
    pub(crate) const ENTRY: &'static Entry<A, F::Output> =
        &Entry::new(TypeId::of::<(F, A)>, std::any::type_name::<F>, |args| {
            conjure::<F>().call(args)
        });
}

/// Makes a value of a function type that has no contents.
///
/// `F` is `Copy` and a caller in some process of this build held one (a function item or a closure
/// without captures) when it named the entry, so another one is what copying it would give.
pub(crate) fn conjure<F: Copy>() -> F {
    const {
        assert!(
            size_of::<F>() == 0,
            "a function for another process cannot capture: pass what it captures in `args`"
        );
    }
    // SAFETY: `F` is zero-sized, as just asserted, so the read touches no memory, an aligned
    // pointer is all that it needs, and there are no bytes that could be wrong.
    unsafe { std::ptr::NonNull::<F>::dangling().read() }
}

/// The name of an [`Entry`] in every process that runs the same build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EntryRef {
    module: ModuleId,
    offset: u64,
    function: u64,
}

impl EntryRef {
    /// Looks at this program's modules now rather than at the first use.
    pub(crate) fn warm_up() {
        Module::of(std::ptr::from_ref(&HIDDEN).addr());
    }

    /// Names an entry of this process.
    pub(crate) fn to<A: 'static, R: 'static>(entry: &'static Entry<A, R>) -> EntryRef {
        let address = std::ptr::from_ref(entry).addr();
        // A constant is part of the program or a library of it, so there is a module.
        let module = Module::of(address).expect("a constant lies within a loaded module");
        let offset = (address - module.base) as u64;
        EntryRef { module: module.id, offset, function: hash((entry.function)()) }
    }

    /// Finds the entry in this process.
    ///
    /// # Errors
    ///
    /// When this process does not run the build that named it, or the name is forged.
    pub(crate) fn find<A: 'static, R: 'static>(&self) -> Result<&'static Entry<A, R>, NoSuchEntry> {
        let module = Module::named(self.module).ok_or(NoSuchEntry::OtherBuild)?;
        let offset = usize::try_from(self.offset).map_err(|_| NoSuchEntry::Forged)?;
        let address = module.base.checked_add(offset).ok_or(NoSuchEntry::Forged)?;
        if !address.is_multiple_of(align_of::<Entry<A, R>>())
            || !module.holds(address, size_of::<Entry<A, R>>())
        {
            return Err(NoSuchEntry::Forged);
        }
        // SAFETY: sixteen bytes at `address` are an aligned part of a loaded module's constants, as
        // `holds` has just said, and any bytes make two integers.
        let magic = unsafe { *(address as *const [u64; 2]) };
        if magic.map(|word| word ^ black_box(MASK)) != HIDDEN {
            return Err(NoSuchEntry::Forged);
        }
        // SAFETY: the magic number stands at the head of an `Entry` and nowhere else (see `MAGIC`),
        // and an entry in a module's constants lives as long as the module. The fields up to `call`
        // have the same layout for every `A` and `R` (`repr(C)`, function pointers); `call` is
        // not used before the signature has matched.
        let entry = unsafe { &*(address as *const Entry<A, R>) };
        let expected = TypeId::of::<fn(A) -> R>();
        if (entry.signature)() != expected || hash((entry.function)()) != self.function {
            return Err(NoSuchEntry::OtherType);
        }
        Ok(entry)
    }
}

/// Why an entry was not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoSuchEntry {
    OtherBuild,
    Forged,
    OtherType,
    NotRegistered,
}

impl fmt::Display for NoSuchEntry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            NoSuchEntry::OtherBuild => {
                "the function is not in this program: it was named by another build or executable"
            }
            NoSuchEntry::Forged => "no function stands at the place that was named",
            NoSuchEntry::NotRegistered => {
                "no function of that name is registered in this program by `#[multiproc::remote]`"
            }
            NoSuchEntry::OtherType => "the function that was named has another type",
        })
    }
}

/// The same number for the same type in every process of one build.
fn hash(id: TypeId) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}
