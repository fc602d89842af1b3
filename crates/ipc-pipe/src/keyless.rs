//! What is said without an authkey: nothing, unless a peer is turned away.

#[cfg(not(feature = "authkey"))]
use crate::conversation::Dialogue;
use crate::error::Failure;
use crate::frame::{self, Header, Kind, Refusal};

/// A handshake that never takes place.
#[cfg(not(feature = "authkey"))]
#[derive(Debug)]
pub(crate) enum Handshake {}

#[cfg(not(feature = "authkey"))]
impl Dialogue for Handshake {
    type Outcome = std::convert::Infallible;

    fn missing(&self, _: &[u8]) -> Result<usize, Failure> {
        match *self {}
    }

    fn answer(&mut self, _: &[u8], _: &mut Vec<u8>) -> Result<Option<Self::Outcome>, Failure> {
        match *self {}
    }

    fn farewell(failure: &Failure) -> Vec<u8> {
        refusal(failure)
    }
}

/// The frame that turns a peer away, if it would understand one.
pub(crate) fn refusal(failure: &Failure) -> Vec<u8> {
    let refusal = match failure {
        Failure::WrongKey => Refusal::WrongKey,
        Failure::KeyMissing => Refusal::KeyWanted,
        Failure::TimedOut => Refusal::TooLate,
        Failure::WrongUser { .. } => Refusal::WrongUser,
        Failure::Refused(_) | Failure::Disconnected | Failure::Protocol(_) => return Vec::new(),
    };
    frame::short(Header::new(Kind::Refused, 1), &[refusal as u8]).to_vec()
}
