//! What can an operator ask?
