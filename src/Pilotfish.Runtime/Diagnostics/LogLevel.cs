namespace Pilotfish.Runtime.Diagnostics;

/// <summary>Envoy's levels, in its order.</summary>
public enum LogLevel : byte
{
    Trace,
    Debug,
    Info,
    Warning,
    Error,
    Critical,
    Off,
}
