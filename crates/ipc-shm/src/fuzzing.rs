//! What the fuzz targets call: every decoder of what another process may have written.

use crate::header::{HEADER_LEN, Header};
use crate::item::{HEAD_LEN, Head, word};
use crate::slots;

/// Decodes the beginning of `file` as a header; what is accepted lies within the file and comes
/// back the same.
pub fn header(file: &[u8]) {
    let Some(bytes) = file.first_chunk::<HEADER_LEN>() else { return };
    let Ok(header) = Header::decode(bytes, file.len() as u64) else { return };
    assert!(header.total_len() <= file.len());
    assert_eq!(header.encode(), *bytes);
}

/// Decodes `payload` as that of a list; what is accepted comes back the same.
pub fn list(payload: &[u8]) {
    let count = usize::try_from(word(payload)).unwrap_or(usize::MAX);
    let table = slots::table_len(count).and_then(|len| payload.get(..len));
    let Some(slots) = table.and_then(|t| slots::decode(t, count, payload.len()).ok()) else {
        return;
    };
    assert_eq!(slots::encode(&slots), payload[..8 * (count + 1)]);
    for slot in slots {
        let Some(head) = payload[slot.offset..].first_chunk::<HEAD_LEN>() else { return };
        let bytes = &payload[slot.offset + HEAD_LEN..][..slot.room];
        let Ok(head) = Head::decode(*head, slot.room) else { continue };
        if let Ok(item) = head.item(bytes[..head.len].to_vec()) {
            assert_eq!(item.encode(), bytes[..head.len]);
        }
    }
}
