//! One-pass Diffie-Hellman on P-256 (Part 1, C.6.3), to salt a session to an ECC key.

use domain_io::{Entropy, NoEntropy};
use p256::elliptic_curve::sec1::{FromSec1Point, Sec1Point, ToSec1Point};
use p256::{NistP256, PublicKey, SecretKey, ecdh};
use zeroize::Zeroizing;

/// Bytes of a coordinate.
pub(crate) const POINT_BYTES: usize = 32;

/// A coordinate, big-endian.
pub(crate) type Coordinate = [u8; POINT_BYTES];

/// What one side of an exchange ends up with.
pub(crate) struct Exchange {
    /// This side's point, to be sent.
    pub(crate) x: Coordinate,
    /// Its other coordinate.
    pub(crate) y: Coordinate,
    /// The x coordinate of the shared point.
    pub(crate) shared: Zeroizing<Coordinate>,
}

/// Draws a key of its own for an exchange with `peer`; `None` when that is no point of the curve.
///
/// # Errors
/// [`NoEntropy`].
pub(crate) fn exchange(
    peer: (&Coordinate, &Coordinate),
    entropy: &mut dyn Entropy,
) -> Result<Option<Exchange>, NoEntropy> {
    let point =
        Sec1Point::<NistP256>::from_affine_coordinates(&(*peer.0).into(), &(*peer.1).into(), false);
    let Some(peer) = Option::<PublicKey>::from(PublicKey::from_sec1_point(&point)) else {
        return Ok(None);
    };
    let own = draw(entropy)?;
    let shared = ecdh::diffie_hellman(own.to_nonzero_scalar(), peer.as_affine());
    let mut secret = Zeroizing::new([0; POINT_BYTES]);
    secret.copy_from_slice(shared.raw_secret_bytes());
    let point = own.public_key().to_sec1_point(false);
    let coordinates = point.x().zip(point.y());
    Ok(coordinates.map(|(x, y)| Exchange { x: (*x).into(), y: (*y).into(), shared: secret }))
}

/// A random number below the group's order: nearly every 256-bit number is one.
fn draw(entropy: &mut dyn Entropy) -> Result<SecretKey, NoEntropy> {
    let mut bytes = Zeroizing::new([0; POINT_BYTES]);
    for _ in 0..8 {
        entropy.fill(bytes.as_mut())?;
        if let Ok(key) = SecretKey::from_slice(bytes.as_ref()) {
            return Ok(key);
        }
    }
    Err(NoEntropy)
}
