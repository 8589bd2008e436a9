namespace Pilotfish.Proxy.AccessLogs.Collectors;

/// <summary>envoy.data.accesslog.v3.TCPAccessLogEntry.</summary>
internal sealed class TcpLogEntryFormat(CommonLogFields common) : ILogEntryFormat
{
    public void Write(WireWriter writer, in FormatSource source)
    {
        common.Write(writer, 1, in source);
        int start = writer.Begin(2);
        writer.Number(1, source.Info.BytesReceived);
        writer.Number(2, source.Info.BytesSent);
        writer.End(start);
    }
}
