//! A mapping of memory that several processes share, and who holds it.

use std::fmt;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use memmap2::{MmapOptions, MmapRaw};

use crate::descriptions::Descriptions;
use crate::header::{HEADER_LEN, Header};
use crate::name::{self, Claim};
use crate::payload::Payload;
use crate::sys::Lock;
use crate::turn::{Patience, Turn};
use crate::{Layout, RegionOptions, ShmError, sys};

/// A handle to a piece of memory that other processes can map as well.
///
/// Clones share one mapping. It is unmapped with the last of them, and the memory is freed with the
/// last mapping of any process, however that ends.
///
/// | made by | found by | length | goes |
/// |---|---|---|---|
/// | [`new`](Region::new) | being sent | sealed: nobody can change it | with the last handle |
/// | [`RegionOptions::named`] | [`open`](Region::open) | left alone by honest users | the same |
/// | [`RegionOptions::file`] | [`open_file`](Region::open_file) | the same | when it is removed |
///
/// For names of which the users were killed there is [`sweep`](crate::sweep).
///
/// If somebody shortens a named region or a file while it is mapped (nothing in this crate does),
/// who touches the part that is gone is killed by SIGBUS. With anonymous regions that cannot
/// happen: the length is sealed, and a receiver checks the seals.
///
/// With the feature `transfer` a region is `Serialize` and `Deserialize`: its descriptor travels
/// beside the message. Named regions and files are not sealed; a receiver of those trusts their
/// sender not to shorten them.
///
/// # Examples
///
/// ```
/// use ipc_shm::Region;
///
/// let region = Region::new(4096)?;
/// region.write_at(100, b"shared")?;
/// let mut bytes = [0; 6];
/// region.clone().read_at(100, &mut bytes)?;
/// assert_eq!(&bytes, b"shared");
/// # Ok::<(), ipc_shm::ShmError>(())
/// ```
#[derive(Clone)]
pub struct Region {
    inner: Arc<Inner>,
}

struct Inner {
    mapping: MmapRaw,
    /// What has been checked; the bytes in the mapping are not looked at again.
    header: Header,
    /// What is sent to others. It holds no lock, so that a receiver shares none.
    file: OwnedFd,
    claim: Option<Claim>,
    turn: Turn,
    descriptions: Descriptions,
}

impl Region {
    /// Makes a region of `len` bytes in memory, all of them zero, without a name.
    ///
    /// The memory is set aside at once, so that no later access fails.
    ///
    /// # Errors
    ///
    /// [`ShmError::Empty`], [`ShmError::TooLarge`], [`ShmError::OutOfMemory`], or what the system
    /// refused.
    pub fn new(len: usize) -> Result<Region, ShmError> {
        Region::options().anonymous(len)
    }

    /// Other ways to make a region: with a name, in a file, without memory set aside.
    #[must_use]
    pub fn options() -> RegionOptions {
        RegionOptions::new()
    }

    /// Opens what another process has made under a name.
    ///
    /// # Errors
    ///
    /// [`ShmError::NotFound`] (also if nobody uses it any more), [`ShmError::PermissionDenied`],
    /// [`ShmError::InvalidName`]; and [`ShmError::NotARegion`], [`ShmError::Version`] or
    /// [`ShmError::Truncated`] if something else lies there.
    pub fn open(name: &str) -> Result<Region, ShmError> {
        let (file, claim) = name::open(name)?;
        Region::attach(file, Some(claim))
    }

    /// Opens a file that holds a region.
    ///
    /// # Errors
    ///
    /// As for [`open`](Region::open).
    pub fn open_file(path: impl AsRef<Path>) -> Result<Region, ShmError> {
        let path = path.as_ref();
        let about = |error| ShmError::about(&path.display().to_string(), error);
        Region::attach(sys::open_file(path).map_err(about)?, None)
    }

    /// Length of the payload in bytes, which is never zero.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.inner.header.payload_len
    }

    /// How many elements the payload has, as its maker said; by default one per byte.
    #[must_use]
    pub fn count(&self) -> usize {
        self.inner.header.count
    }

    /// The name under which others can open it.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.inner.claim.as_ref().map(Claim::name)
    }

    /// The first byte of the payload, valid for [`len`](Region::len) bytes while a handle lives.
    ///
    /// Who reads or writes there must reckon with other processes at the same bytes: by atomics,
    /// or under a lock that all of them heed. A region that has been made for values
    /// ([`RegionOptions::layout`]) is touched only in ways that these allow.
    #[must_use]
    pub fn as_ptr(&self) -> *mut u8 {
        self.payload().as_ptr()
    }

    /// Copies the bytes from `offset` on into `buffer`.
    ///
    /// What another process writes meanwhile may be seen in part: words of up to eight bytes that
    /// lie at a multiple of their size are whole.
    ///
    /// # Errors
    ///
    /// [`ShmError::OutOfBounds`]; [`ShmError::Layout`] if the region holds values, not bytes.
    pub fn read_at(&self, offset: usize, buffer: &mut [u8]) -> Result<(), ShmError> {
        self.check_layout(Layout::BYTES)?;
        self.payload().take(offset, buffer)
    }

    /// Copies `bytes` to `offset`.
    ///
    /// If this process is killed meanwhile, a part of them has been written.
    ///
    /// # Errors
    ///
    /// [`ShmError::OutOfBounds`]; [`ShmError::Layout`] if the region holds values, not bytes.
    pub fn write_at(&self, offset: usize, bytes: &[u8]) -> Result<(), ShmError> {
        self.check_layout(Layout::BYTES)?;
        self.payload().put(offset, bytes)
    }

    /// Removes the name at once; those who have it open keep the memory.
    ///
    /// # Errors
    ///
    /// [`ShmError::NotFound`] if it has no name, or not any more.
    pub fn unlink(&self) -> Result<(), ShmError> {
        match &self.inner.claim {
            Some(claim) => claim.unlink(),
            None => Err(ShmError::NotFound(String::new())),
        }
    }

    /// Whether both are handles to one mapping.
    #[must_use]
    pub fn ptr_eq(&self, other: &Region) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// Checks that the payload is what [`RegionOptions::layout`] has said it is, and is large
    /// enough and aligned for it.
    ///
    /// # Errors
    ///
    /// [`ShmError::Layout`].
    pub fn check_layout(&self, layout: Layout) -> Result<(), ShmError> {
        let (expected, found) = (layout.hash(), self.inner.header.layout);
        let aligned = self.inner.header.payload_offset.is_multiple_of(layout.align());
        if expected != found || !aligned || self.len() < layout.size() {
            return Err(ShmError::Layout { expected, found });
        }
        Ok(())
    }

    /// Checks the same of a row of elements, and gives their number.
    pub(crate) fn check_elements(&self, element: Layout) -> Result<usize, ShmError> {
        self.check_layout(element)?;
        let bytes = self.count().checked_mul(element.size());
        if self.count() == 0 || bytes != Some(self.len()) {
            return Err(ShmError::Corrupt("the number of elements and the length disagree"));
        }
        Ok(self.count())
    }

    /// Runs `access` while nobody else holds a part of `bytes`, counted from the start of the file.
    pub(crate) fn take_turn<R>(
        &self,
        bytes: Range<u64>,
        lock: Lock,
        patience: Patience,
        access: impl FnOnce() -> R,
    ) -> Result<R, ShmError> {
        self.inner.turn.take(self.as_fd(), bytes, lock, patience, access)
    }

    /// Descriptions of the file for guards.
    pub(crate) fn descriptions(&self) -> &Descriptions {
        &self.inner.descriptions
    }

    /// Where the payload begins in the file.
    pub(crate) fn payload_offset(&self) -> usize {
        self.inner.header.payload_offset
    }

    pub(crate) fn payload(&self) -> Payload<'_> {
        Payload::new(&self.inner.mapping, &self.inner.header)
    }

    pub(crate) fn new_mapped(
        mapping: MmapRaw,
        header: Header,
        file: OwnedFd,
        claim: Option<Claim>,
    ) -> Region {
        let (turn, descriptions) = Default::default();
        Region { inner: Arc::new(Inner { mapping, header, file, claim, turn, descriptions }) }
    }

    /// Maps a file after checking its header.
    fn attach(file: OwnedFd, claim: Option<Claim>) -> Result<Region, ShmError> {
        let header = checked_header(file.as_fd())?;
        Region::map(file, header, claim)
    }

    fn map(file: OwnedFd, header: Header, claim: Option<Claim>) -> Result<Region, ShmError> {
        // All of it, because a mapping of huge pages ends where one of them does.
        let len = usize::try_from(sys::len_of(file.as_fd())?).map_err(|_| ShmError::TooLarge)?;
        if len < header.total_len() {
            let (expected, found) = (header.total_len() as u64, len as u64);
            return Err(ShmError::Truncated { expected, found });
        }
        let mapping = MmapOptions::new().len(len).map_raw(&file)?;
        Ok(Region::new_mapped(mapping, header, file, claim))
    }

    /// Maps what another process has sent.
    #[cfg(feature = "transfer")]
    pub(crate) fn receive(file: OwnedFd, name: Option<&str>) -> Result<Region, ShmError> {
        use crate::header::Kind;

        let sealed = sys::is_sealed(file.as_fd())?;
        let header = checked_header(file.as_fd())?;
        if header.kind == Kind::Anonymous && !sealed {
            return Err(ShmError::NotSealed);
        }
        let claim = match name {
            Some(name) if header.kind == Kind::Named => Claim::take(name, file.as_fd())?,
            _ => None,
        };
        Region::map(file, header, claim)
    }
}

/// Reads the header into private memory and checks it there.
fn checked_header(file: BorrowedFd<'_>) -> Result<Header, ShmError> {
    let len = sys::len_of(file)?;
    let mut bytes = [0; HEADER_LEN];
    if !sys::read_start(file, &mut bytes)? {
        return Err(ShmError::Truncated { expected: HEADER_LEN as u64, found: len });
    }
    Header::decode(&bytes, len)
}

/// The file behind it, for `fstat` and the like, and to send it by other means.
///
/// To write through it is to write behind the back of all who have it mapped.
impl AsFd for Region {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.file.as_fd()
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Region")
            .field("kind", &self.inner.header.kind)
            .field("name", &self.name())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
