//! Is a translation whole, and does it cost nothing when nothing changed?
