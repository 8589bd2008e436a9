using System.Diagnostics;

namespace Pilotfish.Proxy.Reasons;

/// <summary>Text, flag and reason of each <see cref="StreamResetReason"/>, as Envoy's router maps them.</summary>
public static class StreamResetReasons
{
    private static readonly EndReason[] s_before = Build("upstream_reset_before_response_started");
    private static readonly EndReason[] s_after = Build("upstream_reset_after_response_started");

    /// <summary>The words after <c>reset reason:</c> in the local reply's body.</summary>
    public static string Text(StreamResetReason reason) => reason switch
    {
        StreamResetReason.LocalConnectionFailure => "local connection failure",
        StreamResetReason.RemoteConnectionFailure => "remote connection failure",
        StreamResetReason.ConnectionTimeout => "connection timeout",
        StreamResetReason.ConnectionTermination => "connection termination",
        StreamResetReason.LocalReset => "local reset",
        StreamResetReason.LocalRefusedStreamReset => "local refused stream reset",
        StreamResetReason.RemoteReset => "remote reset",
        StreamResetReason.RemoteRefusedStreamReset => "remote refused stream reset",
        StreamResetReason.Overflow => "overflow",
        StreamResetReason.ProtocolError => "protocol error",
        StreamResetReason.OverloadManager => "overload manager reset",
        _ => throw new UnreachableException($"Unknown reset reason {reason}."),
    };

    public static ResponseFlag Flag(StreamResetReason reason) => reason switch
    {
        StreamResetReason.LocalConnectionFailure or StreamResetReason.RemoteConnectionFailure
            or StreamResetReason.ConnectionTimeout => ResponseFlag.UpstreamConnectionFailure,
        StreamResetReason.ConnectionTermination => ResponseFlag.UpstreamConnectionTermination,
        StreamResetReason.LocalReset or StreamResetReason.LocalRefusedStreamReset => ResponseFlag.LocalReset,
        StreamResetReason.RemoteReset or StreamResetReason.RemoteRefusedStreamReset => ResponseFlag.UpstreamRemoteReset,
        StreamResetReason.Overflow => ResponseFlag.UpstreamOverflow,
        StreamResetReason.ProtocolError => ResponseFlag.UpstreamProtocolError,
        StreamResetReason.OverloadManager => ResponseFlag.OverloadManagerTerminated,
        _ => throw new UnreachableException($"Unknown reset reason {reason}."),
    };

    /// <summary>The reason of a request that ends because its attempt was reset.</summary>
    /// <param name="reason">How the attempt ended.</param>
    /// <param name="responseStarted">Whether response headers had already been received.</param>
    /// <param name="transportFailure">What the transport said, or null.</param>
    public static EndReason EndReason(StreamResetReason reason, bool responseStarted, string? transportFailure = null)
    {
        EndReason shared = (responseStarted ? s_after : s_before)[(int)reason];
        if (transportFailure is null)
        {
            return shared;
        }

        string details = string.Concat(shared.Details.AsSpan(0, shared.Details.Length - 1), "|", transportFailure, "}");
        return shared.WithDetails(ResponseDetails.Printable(details)).WithTransportFailure(transportFailure);
    }

    private static EndReason[] Build(string stem)
    {
        StreamResetReason[] reasons = Enum.GetValues<StreamResetReason>();
        var built = new EndReason[reasons.Length];
        foreach (StreamResetReason reason in reasons)
        {
            string details = ResponseDetails.Printable($"{stem}{{{Text(reason)}}}");
            built[(int)reason] = new EndReason(CauseOf(reason), SideOf(reason), details, ResponseFlags.Of(Flag(reason)),
                $"The attempt at the upstream ended early: {Text(reason)}.");
        }

        return built;
    }

    private static EndCause CauseOf(StreamResetReason reason) => reason switch
    {
        StreamResetReason.Overflow => EndCause.Overflow,
        StreamResetReason.ProtocolError => EndCause.UpstreamProtocolError,
        StreamResetReason.LocalReset or StreamResetReason.LocalRefusedStreamReset => EndCause.LocalReset,
        StreamResetReason.OverloadManager => EndCause.Overload,
        StreamResetReason.LocalConnectionFailure or StreamResetReason.RemoteConnectionFailure
            or StreamResetReason.ConnectionTimeout => EndCause.ConnectFailure,
        _ => EndCause.UpstreamReset,
    };

    private static EndSide SideOf(StreamResetReason reason) => reason switch
    {
        StreamResetReason.LocalReset or StreamResetReason.LocalRefusedStreamReset or StreamResetReason.Overflow
            or StreamResetReason.OverloadManager or StreamResetReason.LocalConnectionFailure => EndSide.Proxy,
        _ => EndSide.Upstream,
    };
}
