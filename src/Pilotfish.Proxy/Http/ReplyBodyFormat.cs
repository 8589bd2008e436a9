using System.Text;
using Envoy.Config.Core.V3;
using Pilotfish.Language.Formats;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Http;

/// <summary>
/// A SubstitutionFormatString that makes the body of a local reply, with the type of what it makes: the configured one, else
/// application/json for JSON and text/plain for text. Immutable.
/// </summary>
internal sealed class ReplyBodyFormat
{
    public static readonly byte[] TextType = "text/plain"u8.ToArray();

    private static readonly byte[] s_jsonType = "application/json"u8.ToArray();

    private readonly IRecordFormat _format;

    private ReplyBodyFormat(IRecordFormat format, byte[] contentType)
    {
        _format = format;
        ContentType = contentType;
    }

    public byte[] ContentType { get; }

    /// <summary>Whether the type is the format's own word, and not what every text has.</summary>
    public bool SaysType => ContentType != TextType;

    /// <summary>Whether the body is an object and a line end, which is no part of it where it becomes a header.</summary>
    public bool IsJson => ContentType.AsSpan().SequenceEqual(s_jsonType);

    /// <summary>Null for no format. Throws <see cref="ConfigRejectedException"/> with the field's path.</summary>
    public static ReplyBodyFormat? Compile(SubstitutionFormatString? format, string field)
    {
        if (format is null)
        {
            return null;
        }

        if (format.ContentType.AsSpan().ContainsAny("\0\r\n"))
        {
            throw new ConfigRejectedException($"{field}.content_type", "it has a line end or a NUL");
        }

        byte[] type = format.ContentType.Length > 0 ? Encoding.UTF8.GetBytes(format.ContentType)
            : format.FormatCase == SubstitutionFormatString.FormatOneofCase.JsonFormat ? s_jsonType
            : TextType;
        return new ReplyBodyFormat(RecordFormats.Compile(format, field), type);
    }

    /// <summary>The body for a stream; <paramref name="body"/> is what %LOCAL_REPLY_BODY% prints. Good until the worker formats another body.</summary>
    public ReadOnlySpan<byte> Apply(HttpStream stream, ReadOnlySpan<byte> body)
    {
        stream.Info.LocalReplyBody = Encoding.UTF8.GetString(body);
        FormatOutput output = stream.Worker.BodyScratch;
        FormatOutput scratch = stream.Worker.Scratch;
        output.Clear();
        scratch.Clear();
        _format.Append(output, scratch, new FormatSource(stream.Info, AccessLogType.NotSet));
        return output.Written;
    }
}
