//! The rules of exitpath (DESIGN section 3).
#![cfg_attr(not(any(test, feature = "user")), no_std)]
