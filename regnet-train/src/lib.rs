//! Data sets, augmentation, schedules and the training loop for RegNet models.
