namespace Pilotfish.Agent.Identity;

/// <summary>Somebody's interest in one secret of a <see cref="SecretStore"/>, until it is disposed. Main loop.</summary>
internal sealed class SecretLease(SecretEntry entry, ISecretWatcher watcher) : IDisposable
{
    private bool _returned;

    public ISecretWatcher Watcher => watcher;

    /// <summary>Null while there is none yet.</summary>
    public ServedSecret? Current => entry.Current;

    public void Dispose()
    {
        if (!_returned)
        {
            _returned = true;
            entry.Return(this);
        }
    }
}
