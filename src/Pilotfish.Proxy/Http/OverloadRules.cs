using Pilotfish.Proxy.Overload;
using Pilotfish.Proxy.Reasons;

namespace Pilotfish.Proxy.Http;

/// <summary>Requests that the overload manager does not let in are answered 503 `envoy overloaded`, before anything looks at them.</summary>
internal static class OverloadRules
{
    private static readonly EndReason s_overloaded = new(EndCause.Overload, EndSide.Proxy, ResponseDetails.Overload,
        ResponseFlags.Of(ResponseFlag.OverloadManagerTerminated), "The process is short of a resource: the overload manager refuses requests.");

    /// <summary>reset_high_memory_stream chose the request.</summary>
    public static readonly EndReason TooMuchMemory = new(EndCause.Overload, EndSide.Proxy, ResponseDetails.Overload,
        ResponseFlags.Of(ResponseFlag.OverloadManagerTerminated),
        "The process is short of memory: the overload manager reset the streams that held the most of it.");

    /// <summary>True when the request was answered here.</summary>
    public static bool Refuse(HttpStream stream)
    {
        OverloadState overload = stream.Connection.Listener.Overload;
        return (overload.StopAcceptingRequests.Strikes(stream.Worker.Worker.Random) || overload.HcmDecodeHeaders.Sheds(stream.Worker.Worker))
            && Answer(stream);
    }

    /// <summary>The load-shed point in front of the filter chain.</summary>
    public static bool RefuseChain(HttpStream stream) =>
        stream.Connection.Listener.Overload.HttpDownstreamFilterCheck.Sheds(stream.Worker.Worker) && Answer(stream);

    private static bool Answer(HttpStream stream)
    {
        stream.Worker.Stats.Add(stream.Hcm.Stats.RqOverloadClose);
        stream.RefuseChain();
        stream.Reply(503, "envoy overloaded"u8, s_overloaded, stream.Hcm.MarksLocalOverload
            ? static headers => headers.Set("x-envoy-local-overloaded"u8, "true"u8)
            : null);
        return true;
    }
}
