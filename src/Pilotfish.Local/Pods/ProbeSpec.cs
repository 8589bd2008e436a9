namespace Pilotfish.Local.Pods;

/// <summary>When and how often a check runs, and how many results in a row decide.</summary>
internal sealed record ProbeSpec(
    HandlerSpec Handler,
    TimeSpan InitialDelay,
    TimeSpan Period,
    TimeSpan Timeout,
    int SuccessesNeeded,
    int FailuresAllowed,
    int? GraceSeconds);
