using Pilotfish.Proxy.Drain;
using Pilotfish.Runtime.Diagnostics;

namespace Pilotfish.Proxy.Config;

/// <summary>The flags of <c>serve</c>, which are Envoy's.</summary>
public sealed record ServeOptions
{
    public string ConfigPath { get; init; } = "";

    public string ConfigYaml { get; init; } = "";

    public bool AllowsUnknownStaticFields { get; init; }

    public bool ValidateOnly { get; init; }

    /// <summary>Null: as many workers as the cgroup's CPU quota or the machine allows.</summary>
    public int? Concurrency { get; init; }

    public LogLevel LogLevel { get; init; } = LogLevel.Info;

    public IReadOnlyList<(string Component, LogLevel Level)> ComponentLogLevels { get; init; } = [];

    /// <summary>The file that gets the process's log; empty for standard error.</summary>
    public string LogPath { get; init; } = "";

    public TimeSpan FileFlushInterval { get; init; } = TimeSpan.FromSeconds(10);

    public int FileFlushMinKilobytes { get; init; } = 64;

    public int DrainSeconds { get; init; } = 600;

    public DrainStrategy DrainStrategy { get; init; } = DrainStrategy.Gradual;

    public string ServiceNode { get; init; } = "";

    public string ServiceCluster { get; init; } = "";

    public string ServiceZone { get; init; } = "";

    /// <summary>Written once the admin address is known; empty for none.</summary>
    public string AdminAddressPath { get; init; } = "";

    public bool ShowsVersion { get; init; }

    public bool ShowsHelp { get; init; }
}
