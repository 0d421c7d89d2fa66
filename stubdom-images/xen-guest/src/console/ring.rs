//! The console's page (Xen public/io/console.h, `struct xencons_interface`).

use crate::byte_ring::Place;

/// What the domain says: 2048 bytes.
pub(crate) const OUTPUT: Place =
    Place { buffer: 1024, bytes: 2048, consumer: 3080, producer: 3084 };
