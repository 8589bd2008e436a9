using System.Text;
using Envoy.Config.Core.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Pilotfish.Language.Formats;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Routing;

namespace Pilotfish.Proxy.Http;

/// <summary>local_reply_config: mappers in order, the first whose filter passes may change status, body and headers; then the format.</summary>
public sealed class LocalReplyRules
{
    public static readonly LocalReplyRules None = new([], null);

    private readonly Mapper[] _mappers;
    private readonly BodyFormat? _format;

    private LocalReplyRules(Mapper[] mappers, BodyFormat? format)
    {
        _mappers = mappers;
        _format = format;
    }

    public static LocalReplyRules Compile(LocalReplyConfig? config, string field)
    {
        if (config is null)
        {
            return None;
        }

        var mappers = new Mapper[config.Mappers.Count];
        for (int i = 0; i < mappers.Length; i++)
        {
            ResponseMapper mapper = config.Mappers[i];
            string at = $"{field}.mappers[{i}]";
            if (mapper.Filter is null)
            {
                throw new ConfigRejectedException($"{at}.filter", "the mapper has no filter");
            }

            mappers[i] = new Mapper(
                AccessLogFilterCompiler.Compile(mapper.Filter, $"{at}.filter"),
                (int?)mapper.StatusCode,
                mapper.Body is null ? null : DataSources.ReadBytes(mapper.Body, $"{at}.body"),
                CompileFormat(mapper.BodyFormatOverride, $"{at}.body_format_override"),
                HeaderMutations.Compile(mapper.HeadersToAdd, [], $"{at}.headers_to_add", ""));
        }

        return new LocalReplyRules(mappers, CompileFormat(config.BodyFormat, $"{field}.body_format"));
    }

    internal LocalReplyResult Apply(HttpStream stream, int status, ReadOnlySpan<byte> body)
    {
        if (_mappers.Length == 0 && _format is null)
        {
            return new LocalReplyResult(status, body, "text/plain"u8, hasOwnContentType: false);
        }

        BodyFormat? format = _format;
        foreach (Mapper mapper in _mappers)
        {
            var source = new FormatSource(stream.Info, AccessLogType.NotSet);
            if (!mapper.Filter.Passes(in source))
            {
                continue;
            }

            status = mapper.Status ?? status;
            body = mapper.Body ?? body;
            format = mapper.Format ?? format;
            mapper.Headers.Apply(stream.ResponseHeaders, stream.Info, stream.Worker.Scratch);
            break;
        }

        if (format is null)
        {
            return new LocalReplyResult(status, body, "text/plain"u8, hasOwnContentType: false);
        }

        stream.Info.ResponseCode = status;
        stream.Info.LocalReplyBody = Encoding.UTF8.GetString(body);
        stream.Worker.Scratch.Clear();
        FormatOutput output = stream.Worker.Scratch;
        if (format.Json is { } json)
        {
            output = stream.Worker.BodyScratch;
            output.Clear();
            json.Append(output, stream.Worker.Scratch, new FormatSource(stream.Info, AccessLogType.NotSet));
        }
        else
        {
            format.Text!.Append(output, stream.Info);
        }

        return new LocalReplyResult(status, output.Written, format.ContentType, hasOwnContentType: true);
    }

    private static BodyFormat? CompileFormat(SubstitutionFormatString? format, string field)
    {
        if (format is null)
        {
            return null;
        }

        if (format.FormatCase == SubstitutionFormatString.FormatOneofCase.JsonFormat)
        {
            return new BodyFormat(null,
                JsonFormatProgram.Compile(format.JsonFormat, $"{field}.json_format", typed: false, format.OmitEmptyValues),
                Encoding.ASCII.GetBytes(format.ContentType.Length > 0 ? format.ContentType : "application/json"));
        }

        string text = format.FormatCase == SubstitutionFormatString.FormatOneofCase.TextFormatSource
            ? DataSources.ReadText(format.TextFormatSource, $"{field}.text_format_source")
            : format.TextFormat;
        string type = format.ContentType.Length > 0 ? format.ContentType : "text/plain";
        return new BodyFormat(FormatProgram.Compile(text, field, format.OmitEmptyValues), null, Encoding.ASCII.GetBytes(type));
    }

    private sealed record Mapper(AccessLogFilter Filter, int? Status, byte[]? Body, BodyFormat? Format, HeaderMutations Headers);

    private sealed record BodyFormat(FormatProgram? Text, JsonFormatProgram? Json, byte[] ContentType);
}
