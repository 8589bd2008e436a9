using System.Text.Json;
using Pilotfish.Api.Failures;

namespace Pilotfish.Api.Yaml;

/// <summary>Says where and why a text is no JSON.</summary>
internal static class JsonFaults
{
    /// <param name="start">Where the text that was read begins in its file.</param>
    public static YamlSyntaxException Describe(JsonException exception, SourcePosition start)
    {
        int line = (int)(exception.LineNumber ?? 0);
        int column = (int)(exception.BytePositionInLine ?? 0) + (line == 0 ? start.Column : 1);
        int at = exception.Message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        string reason = at < 0 ? exception.Message : exception.Message[..at];
        if (FailureText.IsResourceName(reason))
        {
            reason = "another character is expected here.";
        }

        return new YamlSyntaxException(new SourcePosition(start.File, start.Line + line, column), $"The JSON is broken: {reason}");
    }
}
