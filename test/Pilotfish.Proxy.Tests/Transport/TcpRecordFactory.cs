using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Workers;

namespace Pilotfish.Proxy.Tests.Transport;

/// <summary>An access logger that keeps what records of connections tell: type, bytes each way, flags.</summary>
internal sealed class TcpRecordFactory(List<string> records, List<ConnectionInfo> connections) : IAccessLoggerFactory
{
    public IReadOnlyList<string> MessageNames { get; } = ["google.protobuf.StringValue"];

    public AccessLogger Create(in ExtensionConfig config, CompileContext context) => new Logger(records, connections);

    private sealed class Logger(List<string> records, List<ConnectionInfo> connections) : AccessLogger
    {
        public override void Write(Worker worker, in FormatSource source)
        {
            StreamInfo info = source.Info;
            connections.Add(info.Connection);
            records.Add($"{source.Type} {info.BytesReceived} {info.BytesSent} {(info.Flags.IsEmpty ? "-" : info.Flags.ToString())}");
        }
    }
}
