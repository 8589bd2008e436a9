using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Workers;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>An access logger that keeps what a log line would tell, also of requests that no filter ever saw.</summary>
internal sealed class RecordingAccessLoggerFactory(List<RecordedStream> records) : IAccessLoggerFactory
{
    public IReadOnlyList<string> MessageNames { get; } = ["google.protobuf.StringValue"];

    public AccessLogger Create(in ExtensionConfig config, CompileContext context) => new Logger(records);

    private sealed class Logger(List<RecordedStream> records) : AccessLogger
    {
        public override void Write(Worker worker, in FormatSource source)
        {
            StreamInfo info = source.Info;
            records.Add(new RecordedStream(info.ResponseCode, info.Details ?? "", info.Flags.ToString(),
                info.Upstream.AttemptCount, info.BytesReceived, info.BytesSent));
        }
    }
}
