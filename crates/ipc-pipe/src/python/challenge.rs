//! The challenge of `multiprocessing.connection`, as CPython 3.12 and later speak it.
//!
//! | | from | message |
//! |---|---|---|
//! | 1 | listener | `#CHALLENGE#` `{sha256}` and 40 random bytes |
//! | 2 | client | `{sha256}` and HMAC-SHA256 of everything in 1 after `#CHALLENGE#` |
//! | 3 | listener | `#WELCOME#`, or `#FAILURE#` and the end |
//! | 4 to 6 | | the same with roles exchanged |
//!
//! Every message is preceded by its length (4 bytes, big-endian) and has at most 256 bytes.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::length_prefix;
use crate::authkey::AuthKey;
use crate::conversation::{Conversation, Dialogue};
use crate::error::Failure;
use crate::sys::net;

const CHALLENGE: &[u8] = b"#CHALLENGE#";
const WELCOME: &[u8] = b"#WELCOME#";
const FAILURE: &[u8] = b"#FAILURE#";
const DIGEST: &[u8] = b"{sha256}";
const RANDOM_LEN: usize = 40;
/// What CPython 3.11 and older send: a challenge of 20 bytes, a response of 16.
const LEGACY_LENGTHS: [usize; 2] = [20, 16];

const PREFIX: usize = 4;
const MESSAGE_MAX: usize = 256;

const MD5: Failure = Failure::Protocol(
    "MD5, which is broken and not accepted; use CPython 3.12 or later, which has SHA-256",
);
const OTHER_DIGEST: Failure = Failure::Protocol("a digest other than SHA-256");
const UNEXPECTED: Failure = Failure::Protocol("this is not the challenge of CPython");

/// One end of the handshake.
pub(crate) struct Challenge {
    key: AuthKey,
    /// What the other end is asked, without `#CHALLENGE#`.
    question: Vec<u8>,
    stage: Stage,
    role: Role,
}

/// What comes next from the other end.
#[derive(Clone, Copy, Debug)]
enum Stage {
    Response,
    Question,
    Verdict,
}

#[derive(Clone, Copy, Debug)]
enum Role {
    /// Asks first.
    Listener,
    /// Is asked first.
    Client,
}

impl Challenge {
    /// The listener's end.
    pub(crate) fn listener(key: &AuthKey) -> std::io::Result<Conversation<Challenge>> {
        let challenge = Challenge::new(key, Stage::Response, Role::Listener)?;
        let opening = challenge.ask();
        Ok(Conversation::new(challenge, opening))
    }

    /// The client's end.
    pub(crate) fn client(key: &AuthKey) -> std::io::Result<Conversation<Challenge>> {
        let challenge = Challenge::new(key, Stage::Question, Role::Client)?;
        Ok(Conversation::new(challenge, Vec::new()))
    }

    fn new(key: &AuthKey, stage: Stage, role: Role) -> std::io::Result<Challenge> {
        let random: [u8; RANDOM_LEN] = net::random_bytes()?;
        let question = [DIGEST, &random].concat();
        Ok(Challenge { key: key.clone(), question, stage, role })
    }

    fn ask(&self) -> Vec<u8> {
        framed(&[CHALLENGE, &self.question])
    }

    fn mac(&self, question: &[u8]) -> Result<Hmac<Sha256>, Failure> {
        let mac = Hmac::<Sha256>::new_from_slice(self.key.as_bytes());
        Ok(mac.map_err(|_| Failure::WrongKey)?.chain_update(question))
    }

    /// Answers the question of the other end.
    fn respond(&self, message: &[u8]) -> Result<Vec<u8>, Failure> {
        let question = message.strip_prefix(CHALLENGE).ok_or(UNEXPECTED)?;
        digest_of(question)?;
        let response = self.mac(question)?.finalize().into_bytes();
        Ok(framed(&[DIGEST, &response]))
    }

    /// Checks the answer of the other end.
    fn check(&self, response: &[u8]) -> Result<(), Failure> {
        let response = digest_of(response)?;
        self.mac(&self.question)?.verify_slice(response).map_err(|_| Failure::WrongKey)
    }
}

impl Dialogue for Challenge {
    type Outcome = ();

    fn missing(&self, received: &[u8]) -> Result<usize, Failure> {
        let Some(prefix) = received.first_chunk::<PREFIX>() else {
            return Ok(PREFIX - received.len());
        };
        let len = usize::try_from(i32::from_be_bytes(*prefix)).map_err(|_| UNEXPECTED)?;
        if len > MESSAGE_MAX {
            return Err(UNEXPECTED);
        }
        Ok((PREFIX + len).saturating_sub(received.len()))
    }

    fn answer(&mut self, message: &[u8], reply: &mut Vec<u8>) -> Result<Option<()>, Failure> {
        let message = message.get(PREFIX..).unwrap_or_default();
        match (self.stage, self.role) {
            (Stage::Response, role) => {
                self.check(message)?;
                reply.extend(framed(&[WELCOME]));
                self.stage = Stage::Question;
                Ok(matches!(role, Role::Client).then_some(()))
            }
            (Stage::Question, _) => {
                reply.extend(self.respond(message)?);
                self.stage = Stage::Verdict;
                Ok(None)
            }
            (Stage::Verdict, _) if message != WELCOME => Err(Failure::WrongKey),
            (Stage::Verdict, Role::Listener) => Ok(Some(())),
            (Stage::Verdict, Role::Client) => {
                reply.extend(self.ask());
                self.stage = Stage::Response;
                Ok(None)
            }
        }
    }

    fn farewell(failure: &Failure) -> Vec<u8> {
        match failure {
            Failure::WrongKey | Failure::Protocol(_) => framed(&[FAILURE]),
            _ => Vec::new(),
        }
    }
}

/// What follows the name of the digest, which must be SHA-256.
fn digest_of(message: &[u8]) -> Result<&[u8], Failure> {
    if let Some(rest) = message.strip_prefix(DIGEST) {
        return Ok(rest);
    }
    if LEGACY_LENGTHS.contains(&message.len()) || message.starts_with(b"{md5}") {
        return Err(MD5);
    }
    Err(if message.starts_with(b"{") { OTHER_DIGEST } else { UNEXPECTED })
}

fn framed(parts: &[&[u8]]) -> Vec<u8> {
    let (prefix, prefix_len) = length_prefix(parts.iter().map(|part| part.len()).sum());
    [&[&prefix[..prefix_len]], parts].concat().concat()
}
