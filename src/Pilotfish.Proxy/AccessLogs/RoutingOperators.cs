using System.Buffers.Text;
using Pilotfish.Language.Formats;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>Names of the config objects that the stream met, and its identifiers.</summary>
internal static class RoutingOperators
{
    private const int GuidBytes = 36;

    private static readonly byte[][] s_types = TypeNames();

    public static void AddTo(Dictionary<string, Func<FormatOperator, FormatOperation>> all)
    {
        all.AddText("ROUTE_NAME", static s => s.Info.RouteName);
        all.AddText("VIRTUAL_HOST_NAME", static s => s.Info.VirtualHostName);
        all.AddText("VIRTUAL_CLUSTER_NAME", static s => s.Info.VirtualClusterName);
        all.AddText("UPSTREAM_CLUSTER", static s =>
            s.Info.ClusterObservabilityName.Length > 0 ? s.Info.ClusterObservabilityName : s.Info.ClusterName);
        all.AddText("UPSTREAM_CLUSTER_RAW", static s => s.Info.ClusterName);
        all.AddText("FILTER_CHAIN_NAME", static s => s.Info.Connection.FilterChainName);
        all.AddPlain("ACCESS_LOG_TYPE", static (in FormatSource s, FormatOutput output) =>
        {
            output.Append(s_types[(int)s.Type]);
            return FormatValueKind.Text;
        });
        all.AddPlain("UNIQUE_ID", static (in FormatSource _, FormatOutput output) =>
        {
            Utf8Formatter.TryFormat(Guid.NewGuid(), output.Reserve(GuidBytes), out int written);
            output.Advance(written);
            return FormatValueKind.Text;
        });
        all.AddPlain("STREAM_ID", static (in FormatSource s, FormatOutput output) =>
        {
            if (s.Info.RequestHeaders?.TryGet(WellKnownHeader.XRequestId, out ReadOnlySpan<byte> id) == true)
            {
                output.Append(id);
                return FormatValueKind.Text;
            }

            if (s.Info.StreamId == default)
            {
                return FormatValueKind.Missing;
            }

            Utf8Formatter.TryFormat(s.Info.StreamId, output.Reserve(GuidBytes), out int written);
            output.Advance(written);
            return FormatValueKind.Text;
        });
        all.AddNumber("CONNECTION_ID", static s => s.Info.Connection.Id);
        all.AddPlain("UPSTREAM_CONNECTION_ID", static (in FormatSource s, FormatOutput output) =>
        {
            if (!s.Info.Upstream.IsConnected)
            {
                return FormatValueKind.Missing;
            }

            output.Append(s.Info.Upstream.ConnectionId);
            return FormatValueKind.Number;
        });
        all.AddText("TRACE_ID", static s => s.Info.TraceId);
    }

    private static byte[][] TypeNames()
    {
        AccessLogType[] types = Enum.GetValues<AccessLogType>();
        byte[][] names = new byte[types.Length][];
        foreach (AccessLogType type in types)
        {
            names[(int)type] = System.Text.Encoding.ASCII.GetBytes(type.ToString());
        }

        return names;
    }
}
