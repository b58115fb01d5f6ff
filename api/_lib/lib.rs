//! Holdfast on Vercel.
