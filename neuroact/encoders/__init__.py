"""Encoders: events to voxel grids, frames, time surfaces, point clouds and spike trains."""
