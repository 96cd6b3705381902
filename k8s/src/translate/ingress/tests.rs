//! Is a ingress translated as its specification says?
