using Pilotfish.Api.Yaml;

namespace Pilotfish.Api.Messages;

/// <summary>What one reading found wrong; stops adding at <see cref="YamlLimits.ErrorsMax"/>.</summary>
internal sealed class ReadProblems
{
    private readonly List<SourceError> _errors = [];
    private readonly List<SourceError> _warnings = [];

    public IReadOnlyList<SourceError> Errors => _errors;

    public IReadOnlyList<SourceError> Warnings => _warnings;

    public void Error(SourcePosition position, string message) => Add(_errors, position, message);

    public void Warn(SourcePosition position, string message) => Add(_warnings, position, message);

    private static void Add(List<SourceError> list, SourcePosition position, string message)
    {
        if (list.Count < YamlLimits.ErrorsMax)
        {
            list.Add(new SourceError(position, message));
        }
    }
}
