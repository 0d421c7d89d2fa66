//! Links the bare program at fixed addresses, with nothing of a host's start-up code.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("none") {
        for argument in
            ["-static", "--no-pie", "--gc-sections", "--build-id=none", "--no-undefined"]
        {
            println!("cargo::rustc-link-arg-bins={argument}");
        }
    }
}
