//! The handshake with an authkey: `Noise_NNpsk0_25519_ChaChaPoly_SHA256`.
//!
//! Each message is one frame of kind `Handshake`:
//!
//! | | from | body of 48 bytes | what it shows |
//! |---|---|---|---|
//! | 1 | client | ephemeral key, tag | somebody knew the authkey once |
//! | 2 | listener | ephemeral key, tag | the listener knows the authkey, now |
//! | 3 | client | 32 zeros, encrypted | the client does, too: a replayed message 1 ends here |
//! | 4 | listener | 32 zeros, encrypted | it has seen 3: a wrong key is an error at both ends |
//!
//! Both ends have mixed in the authkey, the version of the protocol, the kind of socket and every
//! byte that they have seen, so a relay that changes any of it, or sends a message back to where it
//! came from, makes the next one unreadable. Whatever is wrong with a key, the answer is the same.
//!
//! Messages 3 and 4 are number 0 of their direction; what follows counts on from 1.
//! The ephemeral keys are forgotten with the connection, so that a key stolen later opens no
//! recorded traffic.

use std::io;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use snow::{Builder, HandshakeState, StatelessTransportState};
use zeroize::Zeroizing;

use crate::address::Address;
use crate::authkey::AuthKey;
use crate::conversation::{Conversation, Dialogue};
use crate::error::{Failure, RecvError};
use crate::frame::{self, FRAME_MIN, HEADER, Header, INLINE, Kind, Refusal};
use crate::keyless::refusal;

const PATTERN: &str = "Noise_NNpsk0_25519_ChaChaPoly_SHA256";
const PROTOCOL: &str = "multiproc ipc-pipe 1";
const KEY_LABEL: &[u8] = b"multiproc ipc-pipe 1 authkey";

/// What an encrypted message is longer than its contents.
pub(crate) const TAG: usize = 16;

/// Contents of messages 3 and 4, which fill their frames.
const PROOF: [u8; INLINE - TAG] = [0; INLINE - TAG];

/// The number of the first message after the handshake, in both directions.
pub(crate) const FIRST_NUMBER: u64 = 1;

/// The keys that a handshake gave, shared by the two halves of a connection.
#[derive(Clone)]
pub(crate) struct Keys(Arc<StatelessTransportState>);

/// The secret part of a handshake, prepared once.
#[derive(Clone)]
pub(crate) struct Secret {
    key: Zeroizing<[u8; 32]>,
    prologue: String,
}

/// One end of the handshake.
pub(crate) struct Handshake(Stage);

enum Stage {
    /// Ephemeral keys are being exchanged.
    Keys(Box<HandshakeState>),
    /// The other end is to prove that it has got the same keys.
    Proof(Keys),
    /// Something failed, or it is over.
    Over,
}

impl Secret {
    /// # Errors
    ///
    /// An empty key is `InvalidInput`.
    pub(crate) fn new(key: &AuthKey, address: &Address) -> io::Result<Secret> {
        if key.is_empty() {
            let why = "an empty authkey protects nothing; use AuthKey::generate";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let kind = if address.is_local() { "unix" } else { "tcp" };
        let hash = Sha256::new().chain_update(KEY_LABEL).chain_update(key.as_bytes()).finalize();
        Ok(Secret { key: Zeroizing::new(hash.into()), prologue: format!("{PROTOCOL} {kind}") })
    }

    /// The listener's end of a handshake.
    pub(crate) fn listener(&self) -> io::Result<Conversation<Handshake>> {
        let state = self.builder()?.build_responder().map_err(unavailable)?;
        Ok(Conversation::new(Handshake(Stage::Keys(Box::new(state))), Vec::new()))
    }

    /// The client's end of a handshake.
    pub(crate) fn client(&self) -> io::Result<Conversation<Handshake>> {
        let mut state = self.builder()?.build_initiator().map_err(unavailable)?;
        let mut body = [0; INLINE];
        state.write_message(&[], &mut body).map_err(unavailable)?;
        let opening = handshake_frame(&body).to_vec();
        Ok(Conversation::new(Handshake(Stage::Keys(Box::new(state))), opening))
    }

    fn builder(&self) -> io::Result<Builder<'_>> {
        let builder = Builder::new(PATTERN.parse().map_err(unavailable)?);
        let builder = builder.psk(0, &self.key).map_err(unavailable)?;
        builder.prologue(self.prologue.as_bytes()).map_err(unavailable)
    }
}

impl Dialogue for Handshake {
    type Outcome = Keys;

    fn missing(&self, received: &[u8]) -> Result<usize, Failure> {
        if let Some(header) = received.first_chunk::<HEADER>() {
            Header::parse(header).map_err(|_| NOT_OURS)?;
        }
        Ok(FRAME_MIN.saturating_sub(received.len()))
    }

    fn answer(&mut self, message: &[u8], reply: &mut Vec<u8>) -> Result<Option<Keys>, Failure> {
        let body = handshake_body(message)?;
        match std::mem::replace(&mut self.0, Stage::Over) {
            Stage::Keys(state) => self.exchange_keys(state, body, reply).map(|()| None),
            Stage::Proof(keys) => finish(keys, body, reply).map(Some),
            Stage::Over => Err(Failure::WrongKey),
        }
    }

    fn farewell(failure: &Failure) -> Vec<u8> {
        refusal(failure)
    }
}

impl Handshake {
    fn exchange_keys(
        &mut self,
        mut state: Box<HandshakeState>,
        body: &[u8],
        reply: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        state.read_message(body, &mut [0; INLINE]).map_err(wrong_key)?;
        let mut answer = [0; INLINE];
        let listener = !state.is_initiator();
        if listener {
            state.write_message(&[], &mut answer).map_err(wrong_key)?;
        }
        let keys = Keys(Arc::new(state.into_stateless_transport_mode().map_err(wrong_key)?));
        if !listener {
            answer = keys.proof()?;
        }
        reply.extend_from_slice(&handshake_frame(&answer));
        self.0 = Stage::Proof(keys);
        Ok(())
    }
}

impl Keys {
    /// Encrypts `plain` as message `number` of this direction; `sealed` is longer by [`TAG`].
    pub(crate) fn seal(&self, number: u64, plain: &[u8], sealed: &mut [u8]) -> Option<()> {
        self.0.write_message(number, plain, sealed).ok().map(|_| ())
    }

    /// Decrypts message `number` of the other direction; `plain` is shorter by [`TAG`].
    pub(crate) fn open(&self, number: u64, sealed: &[u8], plain: &mut [u8]) -> Option<()> {
        self.0.read_message(number, sealed, plain).ok().map(|_| ())
    }

    fn proof(&self) -> Result<[u8; INLINE], Failure> {
        let mut body = [0; INLINE];
        self.seal(0, &PROOF, &mut body).ok_or(Failure::WrongKey)?;
        Ok(body)
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Keys(..)")
    }
}

const NOT_OURS: Failure = Failure::Protocol("these are not the bytes of a handshake");

/// Checks the proof of the other end, and answers it if it was the first.
fn finish(keys: Keys, body: &[u8], reply: &mut Vec<u8>) -> Result<Keys, Failure> {
    let mut proof = PROOF;
    keys.open(0, body, &mut proof).ok_or(Failure::WrongKey)?;
    if !keys.0.is_initiator() {
        reply.extend_from_slice(&handshake_frame(&keys.proof()?));
    }
    Ok(keys)
}

fn handshake_frame(body: &[u8; INLINE]) -> [u8; FRAME_MIN] {
    frame::short(Header::new(Kind::Handshake, INLINE), body)
}

/// The body of a frame of a handshake, or what it means that it is another frame.
fn handshake_body(message: &[u8]) -> Result<&[u8], Failure> {
    let message = message.try_into().map_err(|_| NOT_OURS)?;
    match frame::open(message) {
        Ok((Header { kind: Kind::Handshake, .. }, body)) => Ok(body),
        Ok((Header { kind: Kind::Refused, .. }, body)) => Err(refused(body)),
        Ok(_) => Err(Failure::KeyMissing),
        Err(RecvError::Protocol(what)) => Err(Failure::Protocol(what)),
        Err(_) => Err(NOT_OURS),
    }
}

/// What it means to have been turned away.
fn refused(body: &[u8]) -> Failure {
    let code = body.first().copied().unwrap_or(0);
    match code {
        code if code == Refusal::WrongKey as u8 => Failure::WrongKey,
        code if code == Refusal::NoKeyHere as u8 => Failure::KeyMissing,
        code => Failure::Refused(Refusal::text(code)),
    }
}

fn wrong_key(_: snow::Error) -> Failure {
    Failure::WrongKey
}

fn unavailable(error: snow::Error) -> io::Error {
    io::Error::other(format!("the handshake is not available: {error}"))
}
