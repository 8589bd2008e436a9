using Pilotfish.Language.Formats;
using Pilotfish.Language.Formats.Arguments;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>Protocol, status and why the stream ended.</summary>
internal static class ResultOperators
{
    // Thirty long names of at most 40 characters, with commas.
    private const int FlagsBytesMax = ResponseFlagNames.Count * 41;

    public static void AddTo(Dictionary<string, Func<FormatOperator, FormatOperation>> all)
    {
        all.AddPlain("PROTOCOL", static (in FormatSource s, FormatOutput o) => Protocol(s.Info.Protocol, o));
        all.AddPlain("UPSTREAM_PROTOCOL", static (in FormatSource s, FormatOutput o) => Protocol(s.Info.Upstream.Protocol, o));
        all.AddNumber("RESPONSE_CODE", static s => s.Info.ResponseCode);
        all.Add("RESPONSE_CODE_DETAILS", ResponseCodeDetails);
        all.AddText("CONNECTION_TERMINATION_DETAILS",
            static s => s.Info.ConnectionTerminationDetails ?? s.Info.Connection.TerminationDetails);
        all.AddPlain("RESPONSE_FLAGS", static (in FormatSource s, FormatOutput o) => Flags(s.Info.Flags, o, longNames: false));
        all.AddPlain("RESPONSE_FLAGS_LONG", static (in FormatSource s, FormatOutput o) => Flags(s.Info.Flags, o, longNames: true));
        all.AddPlain("UPSTREAM_TRANSPORT_FAILURE_REASON",
            static (in FormatSource s, FormatOutput o) => Underscored(s.Info.Upstream.TransportFailure, o));
        all.AddPlain("DOWNSTREAM_TRANSPORT_FAILURE_REASON",
            static (in FormatSource s, FormatOutput o) => Underscored(s.Info.Connection.TransportFailure, o));
        all.AddText("DOWNSTREAM_LOCAL_CLOSE_REASON", static s => s.Info.Connection.LocalCloseReason);
        all.AddText("DOWNSTREAM_DETECTED_CLOSE_TYPE", static s => s.Info.Connection.CloseType switch
        {
            DetectedCloseType.LocalReset => "LocalReset",
            DetectedCloseType.RemoteReset => "RemoteReset",
            _ => "Normal",
        });
        all.AddNumber("UPSTREAM_REQUEST_ATTEMPT_COUNT", static s => s.Info.Upstream.AttemptCount);
        all.AddPlain("LOCAL_REPLY_BODY", static (in FormatSource s, FormatOutput o) =>
        {
            // Without a body it is an empty text and no missing value, as in Envoy.
            o.Append(s.Info.LocalReplyBody ?? "");
            return FormatValueKind.Text;
        });
        all.AddText("CUSTOM_FLAGS", static s => s.Info.CustomFlags);
        all.Add("GRPC_STATUS", GrpcStatusText);
        all.AddPlain("GRPC_STATUS_NUMBER", static (in FormatSource s, FormatOutput o) => WriteStatusNumber(s.Info, o));
    }

    private static FormatValueKind Protocol(HttpProtocol protocol, FormatOutput output)
    {
        if (protocol == HttpProtocol.None)
        {
            return FormatValueKind.Missing;
        }

        output.Append(HttpProtocols.Name(protocol));
        return FormatValueKind.Text;
    }

    private static FormatOperation ResponseCodeDetails(FormatOperator source)
    {
        bool keepBlanks = ResultArguments.ParseDetails(source);
        return (in FormatSource s, FormatOutput output) => keepBlanks
            ? OperatorTableExtensions.Write(output, s.Info.Details)
            : Underscored(s.Info.Details, output);
    }

    // Blanks would split the field for everyone who parses lines by white space.
    private static FormatValueKind Underscored(string? text, FormatOutput output)
    {
        int start = output.Length;
        FormatValueKind kind = OperatorTableExtensions.Write(output, text);
        output.ReplaceWhiteSpace(start, (byte)'_');
        return kind;
    }

    private static FormatValueKind Flags(ResponseFlags flags, FormatOutput output, bool longNames)
    {
        // No flag is a value of its own, as in Envoy: "-" also in JSON and where missing values are left out.
        flags.TryFormat(output.Reserve(FlagsBytesMax), out int written, longNames);
        output.Advance(written);
        return FormatValueKind.Text;
    }

    private static FormatOperation GrpcStatusText(FormatOperator source)
    {
        GrpcStatusForm form = ResultArguments.ParseGrpcStatus(source);
        bool number = form == GrpcStatusForm.Number;
        bool snake = form == GrpcStatusForm.SnakeString;
        return (in FormatSource s, FormatOutput output) =>
        {
            int status = GrpcStatus.Of(s.Info);
            string? name = number || status < 0 ? null : GrpcStatus.Name(status, snake);
            if (name is not null)
            {
                output.Append(name);
                return FormatValueKind.Text;
            }

            return WriteStatusNumber(s.Info, output);
        };
    }

    private static FormatValueKind WriteStatusNumber(StreamInfo info, FormatOutput output)
    {
        int status = GrpcStatus.Of(info);
        if (status < 0)
        {
            return FormatValueKind.Missing;
        }

        output.Append(status);
        return FormatValueKind.Number;
    }
}
