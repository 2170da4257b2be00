namespace Mosaik.Waiting;

/// <summary>A read from a <see cref="Mailbox{T}"/> that was completed and is empty.</summary>
public sealed class MailboxCompletedException : InvalidOperationException
{
    /// <summary>Makes the exception with its usual text.</summary>
    public MailboxCompletedException()
        : base("The mailbox was completed and is empty.")
    {
    }

    /// <summary>Makes the exception with another text.</summary>
    /// <param name="message">The text.</param>
    public MailboxCompletedException(string message)
        : base(message)
    {
    }

    /// <summary>Makes the exception with another text and a cause.</summary>
    /// <param name="message">The text.</param>
    /// <param name="innerException">The cause.</param>
    public MailboxCompletedException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
