namespace Pilotfish.Agent.Identity;

/// <summary>Who holds a <see cref="SecretLease"/>; called on the main loop.</summary>
internal interface ISecretWatcher
{
    /// <summary>The secret has a first or a new version.</summary>
    void OnSecret(ServedSecret secret);
}
