//! The recovery key on its way out, and the administrator's key.

use super::files::{Request, read};
use crate::arguments::Where;
use crate::failure::Unusable;
use crate::print::print;
use anyhow::{Context, Result};
use command_line::file_error;
use command_line::say::hand_out as hand_out_text;
use manager_client::{AdministratorKey, Approval};
use p256::ecdsa::signature::hazmat::PrehashSigner;
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::pkcs8::{
    DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, LineEnding,
};
use serde_json::json;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use vtpm_custody::approval_digest;
use zeroize::Zeroizing;

/// Only its owner may read it, and it must not be there yet.
fn private_file(path: &Path) -> Result<File> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    Ok(made.map_err(|error| {
        Unusable(file_error(path, &error, "name a new file, in a folder that is there"))
    })?)
}

/// Asks for the recovery key, once there is a place for it, and puts it there.
pub(crate) fn hand_out(
    to: Where,
    json: bool,
    ask: impl FnOnce() -> Result<Zeroizing<String>>,
) -> Result<()> {
    let Some(path) = to.out else {
        let key = ask()?;
        let text = match json {
            true => Zeroizing::new(json!({ "recovery_key": *key }).to_string()),
            false => key,
        };
        return hand_out_text(&text).context(
            "standard output cannot be written: the recovery key is lost; make another with --replace",
        );
    };
    let mut file = private_file(&path)?;
    let key = ask().inspect_err(|_| forget(&path))?;
    let written = writeln!(file, "{}", *key).and_then(|()| file.sync_all());
    // What is left of it opens nothing, and would keep another from its place.
    written.inspect_err(|_| forget(&path)).with_context(|| {
        format!("{}: the recovery key is lost; make another with --replace", path.display())
    })?;
    print(json, json!({ "done": true, "file": path }), || println!("{}", path.display()));
    Ok(())
}

/// Makes a key; the public one's file is named.
pub(crate) fn new(path: &Path) -> Result<PathBuf> {
    let key = loop {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(bytes.as_mut()).context("no random bytes")?;
        // All but one of some four thousand million 256-bit numbers are keys.
        if let Ok(key) = SigningKey::from_slice(bytes.as_ref()) {
            break key;
        }
    };
    let text = key.to_pkcs8_pem(LineEnding::LF).context("the key is not written")?;
    let public = key.verifying_key().to_public_key_pem(LineEnding::LF);
    let public = public.context("the key is not written")?;
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    let public_path = PathBuf::from(name);
    let another = "name another file for the private key";
    let file = private_file(path)?;
    let written = filled(file, path, text.as_bytes()).map_err(|error| (path, error));
    let written = written.and_then(|()| {
        let made = OpenOptions::new().write(true).create_new(true).open(&public_path);
        let made = made.and_then(|file| filled(file, &public_path, public.as_bytes()));
        // Alone it is of no use.
        made.inspect_err(|_| forget(path)).map_err(|error| (&*public_path, error))
    });
    written.map_err(|(path, error)| Unusable(file_error(path, &error, another)))?;
    Ok(public_path)
}

/// A file that was just made has these bytes, or is gone.
fn filled(mut file: File, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    written.inspect_err(|_| forget(path))
}

/// A file that was made here. If it cannot be removed it does no harm.
fn forget(path: &Path) {
    let _ = fs::remove_file(path);
}

/// A public key in PEM.
pub(crate) fn public(path: &Path) -> Result<AdministratorKey> {
    let wanted = "name FILE.pub that vtpmmgr-ctl policy new-key wrote";
    let unusable =
        || Unusable(format!("{} is no public key on P-256 in PEM; {wanted}", path.display()));
    let key =
        VerifyingKey::from_public_key_pem(&read(Some(path), wanted)?).map_err(|_| unusable())?;
    let point = key.as_affine().to_sec1_point(false);
    let (x, y) = point.x().zip(point.y()).ok_or_else(unusable)?;
    Ok(AdministratorKey { x: (*x).into(), y: (*y).into() })
}

/// Signs.
pub(crate) fn approve(path: &Path, asked: Request) -> Result<Approval> {
    let wanted = "name FILE that vtpmmgr-ctl policy new-key wrote";
    let unusable =
        |_| Unusable(format!("{} is no private key on P-256 in PEM; {wanted}", path.display()));
    let key = Zeroizing::new(read(Some(path), wanted)?);
    let key = SigningKey::from_pkcs8_pem(&key).map_err(unusable)?;
    let Request { state, epoch } = asked;
    let signature: Signature =
        key.sign_prehash(&approval_digest(&state, epoch)).context("nothing was signed")?;
    Ok(Approval { state, epoch, signature: signature.to_bytes().into() })
}
