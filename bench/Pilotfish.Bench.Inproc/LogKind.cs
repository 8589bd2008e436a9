namespace Pilotfish.Bench.Inproc;

/// <summary>What is logged of each request.</summary>
internal enum LogKind
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Istio's text to /dev/null.</summary>
    Text,

    /// <summary>Istio's JSON keys to /dev/null.</summary>
    Json,

    /// <summary>Istio's text behind a condition that never holds.</summary>
    Never,

    /// <summary>Entries to an access log service, at the other end of a stream in memory.</summary>
    Service,

    /// <summary>Records with Istio's text to an OTLP collector, likewise.</summary>
    Otlp,

    /// <summary>Twenty records of Istio's text to /dev/null: what <see cref="Blocked"/> is held against.</summary>
    Many,

    /// <summary>Twenty records of Istio's text to a pipe that nobody reads.</summary>
    Blocked,
}
