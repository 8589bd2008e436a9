namespace Pilotfish.Proxy.Config;

/// <summary>A field of Envoy's API that is understood but has no effect here.</summary>
/// <typeparam name="T">The message that has the field.</typeparam>
/// <param name="Name">As the .proto file spells it.</param>
/// <param name="IsSet">Whether a message asks for what the field would do; its default value does not.</param>
/// <param name="IsRefused">
/// Whether a message that sets it is refused: where ignoring it would weaken security or lose traffic. Others are accepted with a warning.
/// </param>
/// <param name="Reason">Half a sentence for the operator.</param>
public sealed record UnheededField<T>(string Name, Func<T, bool> IsSet, bool IsRefused, string Reason)
{
    /// <summary>Throws or warns for a message that sets the field; main loop.</summary>
    /// <param name="message">The message to check.</param>
    /// <param name="path">The path of the message within its resource; empty for the resource itself.</param>
    /// <param name="resource">What the warning calls the resource, such as "cluster 'a'".</param>
    /// <param name="warnings">Where the warning goes.</param>
    internal void Check(T message, string path, string resource, ConfigProblems warnings)
    {
        if (!IsSet(message))
        {
            return;
        }

        Refuse(message, path);
        warnings.Warn($"{resource}: {Path(path)} has no effect: {Reason}");
    }

    /// <summary>Throws for a message that sets the field where that is refused, and is silent otherwise.</summary>
    internal void Refuse(T message, string path)
    {
        if (IsRefused && IsSet(message))
        {
            throw new ConfigRejectedException(Path(path), Reason);
        }
    }

    private string Path(string path) => path.Length == 0 ? Name : $"{path}.{Name}";
}
