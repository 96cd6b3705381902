//! Who is asking?
