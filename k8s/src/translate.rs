//! What do the objects ask for, in the words of the model?

pub mod annotations;
