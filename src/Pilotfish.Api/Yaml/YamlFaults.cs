using System.Diagnostics.CodeAnalysis;
using YamlDotNet.Core;

namespace Pilotfish.Api.Yaml;

/// <summary>Says what a text did to its reader.</summary>
internal static class YamlFaults
{
    /// <summary>False for exceptions that no text causes.</summary>
    /// <param name="read">Up to where the text was understood.</param>
    public static bool TryDescribe(Exception exception, string fileName, Mark? read, [NotNullWhen(true)] out SourceError? error)
    {
        error = exception switch
        {
            YamlSyntaxException e => e.Error,
            YamlException e => new SourceError(new SourcePosition(fileName, (int)e.Start.Line, (int)e.Start.Column), Sentence(e)),

            // The scanner answers a few broken texts with an exception of the base library. The text is at fault all
            // the same, and a bad file must never end a control plane.
            InvalidOperationException or ArgumentException or IndexOutOfRangeException or OverflowException => new SourceError(
                new SourcePosition(fileName, (int)(read?.Line ?? 1), (int)(read?.Column ?? 1)), "What follows here is not YAML."),
            _ => null,
        };
        return error is not null;
    }

    private static string Sentence(YamlException e)
    {
        // An error of ours that the scanner has wrapped keeps its own words.
        string message = e.InnerException is YamlException inner ? inner.Message : e.Message;
        return message.EndsWith('.') ? $"The YAML is broken: {message}" : $"The YAML is broken: {message}.";
    }
}
