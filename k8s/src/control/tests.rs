//! Does every change of the input reach the output, and only changes?
