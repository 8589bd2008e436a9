namespace Pilotfish.ControlPlane.Config;

/// <summary>
/// The feature switches that istiod reads from its environment, under its names and with its defaults. Parsed once at the edge.
/// </summary>
public sealed record ControlPlaneFeatures
{
    public static readonly ControlPlaneFeatures Default = new();

    /// <summary>ISTIO_DUAL_STACK: listeners and services use both address families.</summary>
    public bool DualStack { get; init; }

    /// <summary>PILOT_HTTP10: accept HTTP/1.0.</summary>
    public bool Http10 { get; init; }

    /// <summary>PILOT_SIDECAR_USE_REMOTE_ADDRESS.</summary>
    public bool UseRemoteAddress { get; init; }

    /// <summary>PILOT_TRACE_SAMPLING, in percent.</summary>
    public double TraceSampling { get; init; } = 1.0;

    /// <summary>PILOT_DEBOUNCE_AFTER: quiet time that ends a batch of changes.</summary>
    public TimeSpan DebounceAfter { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>PILOT_DEBOUNCE_MAX: the longest a change waits for quiet.</summary>
    public TimeSpan DebounceMax { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Reads the switches; a value that does not parse counts as absent.</summary>
    public static ControlPlaneFeatures FromEnvironment(Func<string, string?> variable) => new()
    {
        DualStack = Flag(variable("ISTIO_DUAL_STACK")),
        Http10 = Flag(variable("PILOT_HTTP10")),
        UseRemoteAddress = Flag(variable("PILOT_SIDECAR_USE_REMOTE_ADDRESS")),
        TraceSampling = double.TryParse(variable("PILOT_TRACE_SAMPLING"), out var sampling) ? sampling : Default.TraceSampling,
        DebounceAfter = GoDuration.TryParse(variable("PILOT_DEBOUNCE_AFTER"), out var after) ? after : Default.DebounceAfter,
        DebounceMax = GoDuration.TryParse(variable("PILOT_DEBOUNCE_MAX"), out var max) ? max : Default.DebounceMax,
    };

    private static bool Flag(string? value) => value is "true" or "1" or "True" or "TRUE" or "t" or "T";
}
