//! Holdfast's local stack.
