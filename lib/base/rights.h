#pragma once

/// The rights of files and folders, each named once.
namespace orctl::rights {

inline constexpr unsigned public_file = 0644;
inline constexpr unsigned secret_file = 0600;
inline constexpr unsigned group_file = 0640;
inline constexpr unsigned unchanging_file = 0444;  ///< an object of the store
inline constexpr unsigned program = 0755;
inline constexpr unsigned public_folder = 0755;
inline constexpr unsigned group_folder = 0750;
inline constexpr unsigned secret_folder = 0700;

}  // namespace orctl::rights
