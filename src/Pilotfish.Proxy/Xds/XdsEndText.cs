using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Runtime.Diagnostics;

namespace Pilotfish.Proxy.Xds;

/// <summary>Why a stream to a control plane ended, for a person: the status, what the server or the connection said, what to do.</summary>
internal static class XdsEndText
{
    public static string Of(in GrpcEnd end, IXdsDialler dialler)
    {
        if (end.Status == GrpcStatusCode.Ok)
        {
            return "the server closed it";
        }

        string reason = Reason(in end);
        string advice = end.TransportFailure is { } failure && dialler.Advice(failure) is { } text ? $". {text.TrimEnd('.')}" : "";
        return LogText.Printable($"{end.Status}: {reason}{advice}");
    }

    /// <summary>What the server or the connection said, without a full stop. From the network: make it printable before it is logged.</summary>
    public static string Reason(in GrpcEnd end) => end.Failure == AsyncFailureKind.NoHost
        ? "its cluster has no host to dial, because its name does not resolve or no host is healthy"
        : (end.TransportFailure ?? end.Message).TrimEnd('.');
}
