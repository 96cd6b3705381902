//! Which threads run what?
