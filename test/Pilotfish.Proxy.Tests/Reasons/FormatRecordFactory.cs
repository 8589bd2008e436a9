using System.Text;
using Pilotfish.Language.Formats;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Workers;

namespace Pilotfish.Proxy.Tests.Reasons;

/// <summary>An access logger (google.protobuf.BytesValue) that keeps its records: what the format string in the value makes of them.</summary>
internal sealed class FormatRecordFactory(List<string> records) : IAccessLoggerFactory
{
    public IReadOnlyList<string> MessageNames { get; } = ["google.protobuf.BytesValue"];

    public AccessLogger Create(in ExtensionConfig config, CompileContext context) => new Logger(
        FormatProgram.Compile(config.Parse(Google.Protobuf.WellKnownTypes.BytesValue.Parser).Value.ToStringUtf8(), config.Field), records);

    private sealed class Logger(FormatProgram format, List<string> records) : AccessLogger
    {
        private readonly FormatOutput _output = new();

        public override void Write(Worker worker, in FormatSource source)
        {
            _output.Clear();
            format.Append(_output, in source);
            records.Add(Encoding.UTF8.GetString(_output.Written));
        }
    }
}
