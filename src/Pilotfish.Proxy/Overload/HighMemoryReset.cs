using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Overload;

/// <summary>What a run of reset_high_memory_stream is told.</summary>
/// <param name="Power">minimum_account_to_track_power_of_two.</param>
/// <param name="Level">Of the action, above 0 to 1.</param>
/// <param name="Count">`envoy.overload_actions.reset_high_memory_stream.count`: streams that were ended.</param>
internal readonly record struct HighMemoryReset(int Power, double Level, Counter Count);
