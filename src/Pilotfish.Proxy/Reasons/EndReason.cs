namespace Pilotfish.Proxy.Reasons;

/// <summary>
/// Why a request or connection ended. Exactly one per stream; access log, stats, tracing, admin and <c>explain</c> read it.
/// Immutable. The common ones are shared instances in <see cref="EndReasons"/>; only failures that carry a fact of their own allocate.
/// </summary>
public sealed class EndReason
{
    public EndReason(EndCause cause, EndSide side, string details, ResponseFlags flags, string sentence)
    {
        Cause = cause;
        Side = side;
        Details = details;
        Flags = flags;
        Sentence = sentence;
    }

    private EndReason(EndReason other)
        : this(other.Cause, other.Side, other.Details, other.Flags, other.Sentence)
    {
        Subject = other.Subject;
        TransportFailure = other.TransportFailure;
    }

    public EndCause Cause { get; }

    public EndSide Side { get; }

    /// <summary>The value of <c>%RESPONSE_CODE_DETAILS%</c>; for TCP of <c>%CONNECTION_TERMINATION_DETAILS%</c>. Never empty.</summary>
    public string Details { get; private init; }

    public ResponseFlags Flags { get; private init; }

    /// <summary>One plain sentence for a person.</summary>
    public string Sentence { get; }

    /// <summary>The config object involved (route, cluster, filter), by name.</summary>
    public string? Subject { get; private init; }

    /// <summary>What the upstream's transport (TCP or TLS) said, when it failed.</summary>
    public string? TransportFailure { get; private init; }

    public bool IsSuccess => Cause is EndCause.Completed or EndCause.DirectResponse or EndCause.Redirect;

    public EndReason About(string subject) => new(this) { Subject = subject };

    public EndReason WithTransportFailure(string? failure) => failure is null ? this : new(this) { TransportFailure = failure };

    public EndReason WithDetails(string details) => new(this) { Details = details };

    public EndReason WithFlag(ResponseFlag flag) => new(this) { Flags = Flags.With(flag) };

    public override string ToString() => Subject is null ? $"{Details}: {Sentence}" : $"{Details} ({Subject}): {Sentence}";
}
