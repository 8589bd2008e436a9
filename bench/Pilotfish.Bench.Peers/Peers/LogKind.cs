namespace Pilotfish.Bench.Peers.Peers;

/// <summary>What a proxy writes per request. Peers know None and Text.</summary>
internal enum LogKind
{
    None,

    /// <summary>The default text to a file.</summary>
    Text,

    /// <summary>Istio's text format to a file.</summary>
    IstioText,

    /// <summary>Istio's JSON keys to a file.</summary>
    IstioJson,

    /// <summary>Istio's text behind a CEL filter that never holds.</summary>
    NeverMatching,

    /// <summary>Istio's text, twenty records per request, to /dev/null: what <see cref="BlockedPipe"/> is held against.</summary>
    ManyRecords,

    /// <summary>Istio's text, twenty records per request, to a pipe that nobody reads.</summary>
    BlockedPipe,
}
