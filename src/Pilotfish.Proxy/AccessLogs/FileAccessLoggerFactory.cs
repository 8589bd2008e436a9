using Envoy.Config.Core.V3;
using Envoy.Extensions.AccessLoggers.File.V3;
using Envoy.Extensions.AccessLoggers.Stream.V3;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>The file, stdout and stderr loggers.</summary>
internal sealed class FileAccessLoggerFactory : IAccessLoggerFactory
{
    private const string FileName = "envoy.extensions.access_loggers.file.v3.FileAccessLog";
    private const string StdoutName = "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog";
    private const string StderrName = "envoy.extensions.access_loggers.stream.v3.StderrAccessLog";

    public IReadOnlyList<string> MessageNames { get; } = [FileName, StdoutName, StderrName];

    public AccessLogger Create(in ExtensionConfig config, CompileContext context)
    {
        AccessLogFiles files = context.AccessLogs!.Files;
        FileLogStats stats = files.StatsOf(context.Stats);
        switch (config.MessageName)
        {
            case StdoutName:
                SubstitutionFormatString? stdout = config.Parse(StdoutAccessLog.Parser).LogFormat;
                return Create(stdout, "/dev/stdout", config.Field, files, stats);
            case StderrName:
                SubstitutionFormatString? stderr = config.Parse(StderrAccessLog.Parser).LogFormat;
                return Create(stderr, "/dev/stderr", config.Field, files, stats);
            default:
                return Create(config.Parse(FileAccessLog.Parser), config.Field, files, stats);
        }
    }

    private static FileAccessLogger Create(FileAccessLog log, string field, AccessLogFiles files, FileLogStats stats)
    {
        if (log.Path.Length == 0)
        {
            throw new ConfigRejectedException($"{field}.path", "the path is empty");
        }

        IRecordFormat format = log.AccessLogFormatCase switch
        {
            FileAccessLog.AccessLogFormatOneofCase.Format when log.Format.Length > 0 =>
                new TextRecordFormat(FormatProgram.Compile(log.Format, $"{field}.format")),
            FileAccessLog.AccessLogFormatOneofCase.JsonFormat =>
                JsonFormatProgram.Compile(log.JsonFormat, $"{field}.json_format", typed: false, omitMissing: false),
            FileAccessLog.AccessLogFormatOneofCase.TypedJsonFormat =>
                JsonFormatProgram.Compile(log.TypedJsonFormat, $"{field}.typed_json_format", typed: true, omitMissing: false),
            FileAccessLog.AccessLogFormatOneofCase.LogFormat =>
                RecordFormats.Compile(log.LogFormat, $"{field}.log_format"),
            _ => RecordFormats.Default,
        };
        return new FileAccessLogger(format, files.Open(log.Path, $"{field}.path"), stats);
    }

    private static FileAccessLogger Create(SubstitutionFormatString? format, string path, string field, AccessLogFiles files, FileLogStats stats) =>
        new(
            format is null ? RecordFormats.Default : RecordFormats.Compile(format, $"{field}.log_format"),
            files.Open(path, field), stats);
}
