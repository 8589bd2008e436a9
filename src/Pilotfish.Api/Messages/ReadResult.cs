using Google.Protobuf;
using Pilotfish.Api.Yaml;

namespace Pilotfish.Api.Messages;

/// <summary>A message, or the errors why there is none. Warnings come with either.</summary>
public sealed record ReadResult<T>(T? Message, IReadOnlyList<SourceError> Errors, IReadOnlyList<SourceError> Warnings)
    where T : class, IMessage
{
    public bool IsOk => Message is not null;
}
