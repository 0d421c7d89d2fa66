//! Links the image as xen-guest says.

fn main() {
    let arguments = std::env::var("DEP_XEN_GUEST_LINK_ARGS").unwrap_or_default();
    for argument in arguments.split_whitespace() {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
}
