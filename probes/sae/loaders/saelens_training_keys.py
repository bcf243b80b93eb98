"""Keys of SAELens configurations that speak of training alone.

They are listed so that any other key can be refused: what is not known could change what an
SAE computes. Names of all versions so far; a table and nothing else.
"""

from probes.sae.configuration import words

NESTED_TRAINING = words("""
    decoder_init_norm l1_coefficient lp_norm l1_warm_up_steps l0_coefficient l0_warm_up_steps
    jumprelu_init_threshold jumprelu_bandwidth jumprelu_sparsity_loss_mode jumprelu_tanh_scale
    jumprelu_ste_to_input pre_act_loss_coefficient target_l0 use_sparse_activations
    aux_loss_coefficient topk_threshold_lr matryoshka_widths use_matryoshka_aux_loss
    """)

TRAINING = NESTED_TRAINING | words("""
    hook_eval hook_point_eval hook_layer hook_point_layer hook_layer_out streaming
    is_dataset_tokenized use_cached_activations cached_activations_path b_dec_init_method
    expansion_factor normalize_sae_decoder noise_scale from_pretrained_path
    decoder_orthogonal_init decoder_heuristic_init decoder_heuristic_init_norm
    init_encoder_as_decoder_transpose n_batches_in_buffer training_tokens total_training_tokens
    total_training_steps finetuning_tokens finetuning_method store_batch_size_prompts
    store_batch_size train_batch_size_tokens train_batch_size act_store_device llm_device seed
    autocast autocast_lm compile_llm llm_compilation_mode compile_sae sae_compilation_mode
    adam_beta1 adam_beta2 mse_loss_normalization scale_sparsity_penalty_by_decoder_norm lr
    lr_scheduler lr_scheduler_name lr_warm_up_steps lr_end lr_decay_steps n_restart_cycles
    use_ghost_grads feature_sampling_window feature_sampling_method dead_feature_window
    dead_feature_threshold dead_feature_estimation_method resample_batches feature_reinit_scale
    n_eval_batches eval_batch_size_prompts log_to_wandb log_activations_store_to_wandb
    log_optimizer_state_to_wandb log_weights_to_wandb wandb_project wandb_id run_name wandb_entity
    wandb_log_frequency eval_every_n_wandb_logs resume resume_from_checkpoint n_checkpoints
    checkpoint_path save_final_checkpoint output_path logger verbose model_kwargs
    tokens_per_buffer use_chat_formatting activations_mixing_fraction prefetch_llm_batches
    n_batches_for_norm_estimate lr_warmup_steps l1_warmup_steps d_sae_override layer_override
    """)
